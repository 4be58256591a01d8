//go:build wasip1

package oncegate

import _ "unsafe" // for go:linkname

// mainMain is the program's main. Go does not run it in a library, which is what a component is made of.
//
//go:linkname mainMain main.main
func mainMain()
