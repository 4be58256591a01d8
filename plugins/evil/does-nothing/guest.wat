(func $run (result i32)
  (nop)
  (i32.const 0))
