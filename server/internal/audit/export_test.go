package audit

// Summarize writes the summary that is due later.
func (l *Log) Summarize() error { return l.summarize() }
