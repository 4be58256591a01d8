(func (export "_initialize"))
