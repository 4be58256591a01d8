(func $run (result i32)
  (call $effect)
  (i32.const 0))
