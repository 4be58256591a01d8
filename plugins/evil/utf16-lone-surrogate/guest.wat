(data (i32.const 1024) "a\00\3d\d8b\00")
(func $run (result i32)
  (call $seen (i32.const 1024) (i32.const 3) (i32.const 256))
  (i32.const 0))
