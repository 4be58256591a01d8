(func $run (result i32)
  (local $until i64)
  (local.set $until (i64.add (call $now) (i64.const 3600000000000)))
  (loop $more
    (call $block (call $sleep (i64.const 60000000000)))
    (br_if $more (i64.lt_u (call $now) (local.get $until))))
  (call $stage)
  (i32.const 0))
