package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Options say which KMS to call, and what to print of the answer.
type Options struct {
	Target Target
	// Format is FormatTable or FormatJSON.
	Format string
	// Field is the name of the only field to print, and empty for all.
	Field string
	// All reads every page of a list.
	All bool
	// Reveal prints secrets.
	Reveal bool
	// Raw says that plaintexts are bytes: they are sent in base64, and Field is decoded from it.
	Raw bool
	// Out is the file to write to, which must not exist. Empty means Stdout.
	Out string

	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Terminal is set if Stdout is one.
	Terminal bool
	// Version is this program's, for the User-Agent header.
	Version string
}

// terminal reports whether a terminal reads what is printed.
func (o Options) terminal() bool { return o.Terminal && o.Out == "" }

// A task is a call whose arguments are good.
type task struct {
	op      kmsapi.Operation
	options Options
	request kmsapi.Request
	// pager is set if all pages are wanted.
	pager *pager
	view  *view
}

// Run sends op with parameters of the form Name=Value, and prints the answer. It returns a [*UsageError] if nothing was
// sent because of a mistake in what was typed.
func Run(ctx context.Context, op kmsapi.Operation, parameters []string, o Options) error {
	t, err := newTask(op, parameters, o)
	if err != nil {
		return err
	}
	if o.Out == "" {
		_, err := t.run(ctx, o.Stdout)
		return err
	}
	return t.runInto(ctx, o.Out)
}

func newTask(op kmsapi.Operation, parameters []string, o Options) (*task, error) {
	t := &task{op: op, options: o}
	params, err := newReader(op, &values{stdin: o.Stdin, warn: t.warn}, o.Raw).params(parameters)
	if err != nil {
		return nil, err
	}
	if t.request, err = newRequest(op, params); err != nil {
		return nil, err
	}
	if t.view, err = newView(op, o); err != nil {
		return nil, err
	}
	if o.All {
		t.pager, err = newPager(op, params, t.view.shape)
	}
	return t, err
}

// runInto writes the answer to a new file, which only its owner can read. The file is made before the request is sent,
// so that no answer is lost because it can't be made, and removed if nothing is written.
func (t *task) runInto(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("-out %s: %w", path, durable.Reason(err))
	}
	printed, err := t.run(ctx, file)
	if err = errors.Join(err, file.Close()); err != nil || !printed {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// run sends the request and writes the answer to w. A dry run has none.
func (t *task) run(ctx context.Context, w io.Writer) (printed bool, err error) {
	kms, err := t.options.Target.Client(t.options.Version)
	if err != nil {
		return false, err
	}
	defer kms.Close()
	if limit := t.options.Target.Timeout; limit > 0 {
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		ctx = limited
	}
	answer, err := t.send(ctx, kms)
	switch {
	case errors.Is(err, kmsapi.ErrDryRunOperation):
		t.warn("this was a dry run; " + string(t.op) + " would succeed")
		return false, nil
	case err != nil:
		return false, Explain(t.op, kms.EndpointOf(t.op), err)
	}
	if err := t.view.print(w, answer); err != nil {
		return false, err
	}
	t.hint(answer)
	return true, nil
}

func (t *task) send(ctx context.Context, kms client.Doer) (kmsapi.Response, error) {
	if t.pager != nil {
		return t.pager.read(ctx, kms)
	}
	return kms.Do(ctx, t.request)
}

// hint says what the output lacks.
func (t *task) hint(answer kmsapi.Response) {
	if hidden := t.view.redacted(); len(hidden) > 0 {
		t.warn(strings.Join(hidden, " and ") + " is a secret; -reveal prints it")
	}
	if shown, total := t.view.shown(answer), intField(answer, totalCount); t.pager == nil && shown < total {
		t.warn(fmt.Sprintf("this is a page with %d of %d entries; -all reads every page", shown, total))
	}
}

// warn writes a line about a result to standard error, so that it is not taken for a part of it.
func (t *task) warn(line string) { fmt.Fprintln(t.options.Stderr, "alicloudkms:", line) }
