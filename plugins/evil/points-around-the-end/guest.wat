(func $run (result i32)
  (call $seen (i32.const 0x10) (i32.const -8) (i32.const 256))
  (i32.const 0))
