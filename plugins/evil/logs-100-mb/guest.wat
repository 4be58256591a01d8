(func $run (result i32)
  (call $log (i32.const 2) (i32.const 65536) (i32.const 100000000))
  (i32.const 0))
