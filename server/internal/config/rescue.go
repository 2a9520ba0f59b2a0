package config

import "regexp"

// Blocks and fields as they are usually written. They can be found even in a file with unbalanced quotation marks or
// brackets.
var (
	storageBlock    = regexp.MustCompile(`(?m)^[ \t]*storage\s*\{([^}]*)`)
	operationsBlock = regexp.MustCompile(`(?m)^[ \t]*operations\s*\{([^}]*)`)
	pathField       = regexp.MustCompile(`\bpath\s*=\s*"([^"\\\n]*)"`)
	socketField     = regexp.MustCompile(`\bsocket\s*=\s*"([^"\\\n]*)"`)
)

// rescue finds the fields that determine the service's socket in a source that can't be parsed, so that the running
// service can be informed that the file has a fault. Nothing else may rely on it.
func (c *Config) rescue(source string) {
	if c.Storage.Path == "" {
		c.Storage.Path = captured(pathField, captured(storageBlock, source))
	}
	if c.Ops == nil && operationsBlock.MatchString(source) {
		c.Ops = &Ops{Socket: captured(socketField, captured(operationsBlock, source))}
	}
}

// captured returns the group of form's first match in text, or "" if there is none.
func captured(form *regexp.Regexp, text string) string {
	if match := form.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}
