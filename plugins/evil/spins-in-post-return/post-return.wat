(func (export "post-return") (param i32)
  (loop $for-ever (br $for-ever)))
