// Packs a module's folder as Go's own proxies do, or unpacks it as whoever depends on it has it:
// pack PATH VERSION FOLDER FILE, unpack PATH VERSION FOLDER FILE.
package main

import (
	"log"
	"os"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

func main() {
	of := module.Version{Path: os.Args[2], Version: os.Args[3]}
	folder, file := os.Args[4], os.Args[5]
	var err error
	if os.Args[1] == "unpack" {
		err = zip.Unzip(folder, of, file)
	} else {
		err = pack(file, of, folder)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func pack(file string, of module.Version, folder string) error {
	written, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := zip.CreateFromDir(written, of, folder); err != nil {
		return err
	}
	return written.Close()
}
