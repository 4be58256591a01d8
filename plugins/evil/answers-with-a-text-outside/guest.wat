(func $run (result i32)
  (call $stage)
  (call $fail (i32.const 1) (i32.const 0x7fffffff) (i32.const 8)))
