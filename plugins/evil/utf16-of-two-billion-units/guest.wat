(func $run (result i32)
  (call $seen (i32.const 1024) (i32.const 0x80000001) (i32.const 256))
  (i32.const 0))
