(func $run (result i32)
  (local $stderr i32)
  (local.set $stderr (call $get-stderr))
  (memory.fill (i32.const 1024) (i32.const 0x41) (i32.const 400))
  (i32.store8 (i32.const 1423) (i32.const 10))
  (loop $for-ever
    (call $write (local.get $stderr) (i32.const 1024) (i32.const 400) (i32.const 256))
    (br $for-ever))
  (i32.const 0))
