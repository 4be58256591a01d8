(func $run (result i32)
  (loop $for-ever
    (call $emit-bytes (i32.const 32) (i32.const 100))
    (br $for-ever))
  (i32.const 0))
