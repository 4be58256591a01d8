(func $run (result i32)
  (call $log (i32.const 99) (i32.const 8) (i32.const 3))
  (i32.const 0))
