(data (i32.const 1024) "\03")
(func $run (result i32)
  (local $mark v128)
  ;; Worked out, so that it stands nowhere but on the stack.
  (local.set $mark (i64x2.mul
    (i64x2.splat (i64.load (i32.const 1024)))
    (v128.const i64x2 0x123456789abcdef1 0x0fedcba987654321)))
  (drop (call $deeper (i32.const 5000) (local.get $mark)))
  (i32.const 0))
(func $deeper (param $left i32) (param $mark v128) (result v128)
  (if (i32.eqz (local.get $left))
    (then
      (call $seen (i32.const 8) (i32.const 3) (i32.const 256))
      (return (local.get $mark))))
  (v128.xor
    (call $deeper (i32.sub (local.get $left) (i32.const 1)) (local.get $mark))
    (local.get $mark)))
