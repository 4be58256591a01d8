(func $run (result i32)
  (local $n i32)
  ;; 1,000 times U+20AC, which has two bytes in UTF-16 and three in UTF-8.
  (loop $more
    (i32.store16 (i32.add (i32.const 1024) (i32.shl (local.get $n) (i32.const 1))) (i32.const 0x20ac))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $n) (i32.const 1000))))
  (call $seen (i32.const 1024) (i32.const 1000) (i32.const 256))
  (call $seen-refused (i32.const 0))
  (i32.const 0))
