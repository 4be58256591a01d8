(func $run (result i32)
  (memory.fill (i32.const 65536) (i32.const 0x41) (i32.const 1000000))
  (call $fail (i32.const 1) (i32.const 65536) (i32.const 1000000)))
