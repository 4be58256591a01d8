(func $run (result i32)
  (loop $for-ever
    (memory.fill (i32.const 65536) (i32.const 1) (i32.const 0x3f0000))
    (memory.copy (i32.const 65537) (i32.const 65536) (i32.const 0x3efff0))
    (br $for-ever))
  (i32.const 0))
