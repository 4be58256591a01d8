(func $run (result i32)
  ;; An empty key is refused, and the refusal says why.
  (call $stage)
  (call $seen (i32.const 0) (i32.const 0) (i32.const 256))
  (i32.const 0))
