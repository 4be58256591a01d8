(func (export "_initialize")
  (loop $for-ever (br $for-ever)))
