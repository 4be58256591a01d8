(func $run (result i32)
  (call $stage)
  (call $fail (i32.const 1) (i32.const 8) (i32.const 3)))
