(func $run (result i32)
  (loop $for-ever
    (drop (call $sleep (i64.const 1)))
    (br $for-ever))
  (i32.const 0))
