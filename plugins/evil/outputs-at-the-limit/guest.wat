(func $run (result i32)
  (local $n i32)
  (call $claim)
  (loop $more
    (call $effect)
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $n) (i32.const 1000))))
  
  (call $settle)
  (i32.const 0))
