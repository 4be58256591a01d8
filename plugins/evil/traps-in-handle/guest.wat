(func $run (result i32)
  (call $stage)
  unreachable)
