(func $run (result i32)
  (drop (memory.grow (i32.const 0xffff)))
  unreachable)
