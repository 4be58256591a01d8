(func $run (result i32)
  (call $stage)
  (i32.const 65532))
