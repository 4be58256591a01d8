(func $run (result i32)
  (call $stage)
  (i32.store8 (i32.const 256) (i32.const 77))
  (i32.const 256))
