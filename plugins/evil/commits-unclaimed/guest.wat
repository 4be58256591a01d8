(func $run (result i32)
  (call $settle-refused)
  (i32.const 0))
(func $settle-refused
  (call $commit (i32.const 8) (i32.const 3) (i32.const 256))
  (call $refused (i32.const 1)))
