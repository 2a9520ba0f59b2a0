package call

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// aboutLists are the fields of an answer with a list that say nothing about the entries.
var aboutLists = []string{"RequestId", "PageNumber", "PageSize", "TotalCount"}

// printTable writes the single values, one a line, and each list as a table of its own.
func (v *view) printTable(w io.Writer, answer kmsapi.Response) error {
	rows := v.singleRows(answer)
	if len(rows) > 0 {
		if err := printRows(w, []string{"Field", "Value"}, rows); err != nil {
			return err
		}
	}
	for i, l := range v.lists {
		if i > 0 || len(rows) > 0 {
			fmt.Fprintf(w, "\n%s\n", l.name)
		}
		if err := v.printList(w, answer, l); err != nil {
			return err
		}
	}
	return nil
}

// singleRows has the single values, the request's id at the end.
func (v *view) singleRows(answer kmsapi.Response) (rows [][]string) {
	for _, c := range v.singles {
		if len(v.lists) == 0 || !slices.Contains(aboutLists, c.name) {
			rows = append(rows, []string{c.name, v.text(reflect.ValueOf(answer).Elem(), c)})
		}
	}
	if len(v.lists) == 0 {
		rows = append(rows[1:], rows[0]) // Every answer begins with it.
	}
	return rows
}

func (v *view) printList(w io.Writer, answer kmsapi.Response, l list) error {
	var rows [][]string
	for _, entry := range l.entries(answer) {
		var row []string
		for _, c := range l.columns {
			row = append(row, v.text(entry, c))
		}
		rows = append(rows, row)
	}
	return printRows(w, namesOf(l.columns), rows)
}

// printRows writes a table. Cells are the server's, and can neither break the table nor command a terminal.
func printRows(w io.Writer, names []string, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(names, "\t"))
	fmt.Fprintln(table, strings.Join(underlined(names), "\t"))
	for _, row := range rows {
		for i, cell := range row {
			row[i] = terminal.Escape(cell, "")
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

func underlined(names []string) (lines []string) {
	for _, name := range names {
		lines = append(lines, strings.Repeat("-", len(name)))
	}
	return lines
}
