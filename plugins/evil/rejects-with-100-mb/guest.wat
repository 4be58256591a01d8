(func $run (result i32)
  (call $fail (i32.const 1) (i32.const 65536) (i32.const 100000000)))
