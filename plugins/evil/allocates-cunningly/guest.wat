(func $run (result i32)
  (local $takes i32)
  (loop $more
    (drop (memory.grow (i32.const 64)))
    (drop (memory.grow (i32.const 0xffff)))
    (local.set $takes (i32.add (local.get $takes) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $takes) (i32.const 200))))
  ;; 200 times 4 MiB: within the limit this lies outside of the memory, and writing there traps.
  (i32.store (i32.const 0x20000000) (i32.const 1))
  (i32.const 0))
