(func $run (result i32)
  (memory.copy (i32.const 65536) (i32.const 0) (i32.const 0xff0000))
  (i32.const 0))
