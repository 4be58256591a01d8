(data (i32.const 1024) "\c0\80")
(func $run (result i32)
  (call $stage)
  (call $fail (i32.const 1) (i32.const 1024) (i32.const 2)))
