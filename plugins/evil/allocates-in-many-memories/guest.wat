(memory $a 1)
(memory $b 1)
(memory $c 1)
(func $run (result i32)
  (loop $more
    (br_if $more (i32.add (i32.add
      (i32.ne (memory.grow $a (i32.const 1)) (i32.const -1))
      (i32.ne (memory.grow $b (i32.const 1)) (i32.const -1)))
      (i32.ne (memory.grow $c (i32.const 1)) (i32.const -1)))))
  ;; Three quarters of the limit each: more than there is room for.
  (if (i32.gt_u (i32.add (i32.add (memory.size $a) (memory.size $b)) (memory.size $c)) (i32.const 63))
    (then (loop $for-ever (br $for-ever))))
  unreachable)
