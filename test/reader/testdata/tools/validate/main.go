// Command validate holds snapshot files to their schema, formats included.
package main

import (
	"log"
	"os"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func main() {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range os.Args[2:] {
		file, err := os.Open(path) // #nosec G304 G703 -- the test names the file
		if err != nil {
			log.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(file)
		if err != nil {
			log.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			log.Fatal(err)
		}
		if err := file.Close(); err != nil {
			log.Fatal(err)
		}
	}
}
