package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// The formats of results, for people and for programs.
const (
	formatText = "text"
	formatJSON = "json"
)

// outputFlag chooses the format of a command's result.
func outputFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "o", Value: formatText, Usage: "the result's `FORMAT`: text, or json for programs",
		Validator: oneOf(formatText, formatJSON),
	}
}

// oneOf checks the value of a flag that has a few.
func oneOf(values ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(values, value) {
			return nil
		}
		last := len(values) - 1
		return fmt.Errorf("it is %s or %s%s", strings.Join(values[:last], ", "), values[last], didYouMean(value, values))
	}
}

// printResult writes the result of a command with outputFlag to standard output: text as it is, or result as JSON.
func printResult(c *cli.Command, result any, text string) error {
	if c.String("o") == formatText {
		_, err := fmt.Fprintln(c.Root().Writer, text)
		return err
	}
	encoder := json.NewEncoder(c.Root().Writer)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(result)
}
