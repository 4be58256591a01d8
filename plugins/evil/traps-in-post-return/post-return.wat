(func (export "post-return") (param i32)
  unreachable)
