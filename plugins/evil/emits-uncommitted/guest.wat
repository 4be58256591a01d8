(func $run (result i32)
  (call $claim)
  (call $effect)
  (i32.const 0))
