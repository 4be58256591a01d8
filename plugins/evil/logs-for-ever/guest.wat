(func $run (result i32)
  (memory.fill (i32.const 1024) (i32.const 0x41) (i32.const 400))
  (loop $for-ever
    (call $log (i32.const 2) (i32.const 1024) (i32.const 400))
    (br $for-ever))
  (i32.const 0))
