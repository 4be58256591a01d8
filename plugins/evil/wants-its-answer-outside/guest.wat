(func $run (result i32)
  (call $seen (i32.const 8) (i32.const 3) (i32.const 65528))
  (i32.const 0))
