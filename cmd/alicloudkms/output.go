package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
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

// oneOf checks the value of a flag that takes one of a few.
func oneOf(values ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(values, value) {
			return nil
		}
		last := len(values) - 1
		return fmt.Errorf("it is %s or %s%s", strings.Join(values[:last], ", "), values[last], didYouMean(value, values))
	}
}

// lineBreaks are the control characters that results and errors have themselves. All others come from elsewhere: from
// the service that answered, or from a file.
const lineBreaks = "\n"

// printResult writes the result of a command with outputFlag to standard output: text as it is, or result as JSON.
// Nothing in it can command a terminal.
func printResult(c *cli.Command, result any, text string) error {
	if c.String("o") == formatJSON {
		var encoded strings.Builder
		encoder := json.NewEncoder(&encoded)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(result); err != nil {
			return err
		}
		text = strings.TrimSuffix(encoded.String(), "\n")
	}
	_, err := fmt.Fprintln(c.Root().Writer, terminal.Escape(text, lineBreaks))
	return err
}
