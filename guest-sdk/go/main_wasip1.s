// Empty: with it, the compiler allows a function without a body, as main_wasip1.go has one.
