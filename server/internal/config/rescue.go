package config

import "regexp"

// Blocks and fields as they are usually written, also in a file whose quotation marks and brackets are in disorder.
var (
	storageBlock    = regexp.MustCompile(`(?m)^[ \t]*storage\s*\{([^}]*)`)
	operationsBlock = regexp.MustCompile(`(?m)^[ \t]*operations\s*\{([^}]*)`)
	pathField       = regexp.MustCompile(`\bpath\s*=\s*"([^"\\\n]*)"`)
	socketField     = regexp.MustCompile(`\bsocket\s*=\s*"([^"\\\n]*)"`)
)

// rescue gives c what leads to the service's socket, if it can be recognized in a source that can't be parsed: so that
// the service learns that the file has a fault. Nothing else may rely on it.
func (c *Config) rescue(source string) {
	if c.Storage.Path == "" {
		c.Storage.Path = captured(pathField, captured(storageBlock, source))
	}
	if c.Ops == nil && operationsBlock.MatchString(source) {
		c.Ops = &Ops{Socket: captured(socketField, captured(operationsBlock, source))}
	}
}

// captured returns what is in the parentheses of form at its first match, and "" if there is none.
func captured(form *regexp.Regexp, text string) string {
	if match := form.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}
