(func $run (result i32)
  (call $block (i32.const 12345))
  (i32.const 0))
