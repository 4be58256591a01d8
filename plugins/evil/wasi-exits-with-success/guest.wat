(func $run (result i32)
  (call $stage)
  (call $exit (i32.const 0))
  unreachable)
