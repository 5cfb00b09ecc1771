package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"tidings/documents"
	"tidings/protocol"
)

// What a request of an import holds at most: below the API's limits, and small enough that progress is seen.
const (
	importDocuments = 500
	importBytes     = protocol.MaxAPIBodyBytes - maxLine
)

// importer sends the documents of a file.
type importer struct {
	documents *documentsCommands
	cmd       *cobra.Command
	path      string
	user      string
	shown     *progress
	body      bytes.Buffer
	lines     []int // the number of each document's line, from 1
	total     documents.Imported
}

func (d *documentsCommands) importCommand() *cobra.Command {
	i := &importer{documents: d}
	var quiet bool
	cmd := &cobra.Command{
		Use:   "import COLLECTION FILE",
		Short: "Put the documents of a file, and tell nobody",
		Long: "Put the documents of a file, one in each line, as `tidings documents list` prints them: _id names each (without it an id is drawn), _version and _info are left out.\n" +
			"What is there of the same id is replaced. - reads standard input. Nobody is told: who hears the collection gets no message. Lists that are open load it when they load anew.\n" +
			"An import that broke can be repeated, if each document has its _id. It prints how many were put, and on standard error each second how far it is.",
		Example: `  tidings documents import city/taxis taxis.jsonl
  tidings documents list city/taxis | tidings documents import city/archive -`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveDefault // files
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			i.cmd = cmd
			if i.path, err = documentsPath(args[0], "_import"); err != nil {
				return err
			}
			input := cmd.InOrStdin()
			if args[1] != "-" {
				f, err := os.Open(args[1])
				if err != nil {
					return err
				}
				defer f.Close()
				input = f
			}
			i.shown = startProgress(!quiet, cmd.ErrOrStderr(), "imported")
			defer i.shown.stop()
			return i.run(input)
		},
	}
	cmd.Flags().StringVar(&i.user, "user", "", "the user that is noted as who wrote them")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "say nothing of how far it is")
	return cmd
}

// run sends the lines in requests of a bounded size. A line that is no document ends it: what was sent until then
// stays.
func (i *importer) run(input io.Reader) error {
	lines := bufio.NewReaderSize(input, maxLine)
	for number := 1; ; number++ {
		line, long, err := readLine(lines)
		if err != nil && err != io.EOF {
			return err
		}
		if document := bytes.TrimSpace(line); len(document) > 0 || long {
			if long || !json.Valid(document) || document[0] != '{' {
				return i.end(fmt.Errorf("line %d is no JSON object of at most %d bytes; the lines before it are imported", number, maxLine))
			}
			if err := i.add(number, document); err != nil {
				return i.end(err)
			}
		}
		if err == io.EOF {
			return i.end(nil)
		}
	}
}

// end sends what is left and prints the sum.
func (i *importer) end(err error) error {
	if sent := i.send(); err == nil {
		err = sent
	}
	fmt.Fprintf(i.cmd.OutOrStdout(), "{\"imported\":%d,\"refused\":%d}\n", i.total.Imported, len(i.total.Refused))
	if err == nil && len(i.total.Refused) > 0 {
		err = fmt.Errorf("%d of %d documents were refused", len(i.total.Refused), len(i.total.Refused)+i.total.Imported)
	}
	return err
}

func (i *importer) add(number int, document []byte) error {
	if len(i.lines) == importDocuments || i.body.Len()+len(document) > importBytes {
		if err := i.send(); err != nil {
			return err
		}
	}
	if len(i.lines) > 0 {
		i.body.WriteByte(',')
	}
	i.body.Write(document)
	i.lines = append(i.lines, number)
	return nil
}

func (i *importer) send() error {
	if len(i.lines) == 0 {
		return nil
	}
	head := `{"documents":[`
	if i.user != "" {
		user, err := json.Marshal(i.user)
		if err != nil {
			return err
		}
		head = `{"user":` + string(user) + `,"documents":[`
	}
	body := append(append([]byte(head), i.body.Bytes()...), "]}"...)
	numbers := i.lines
	i.body.Reset()
	i.lines = nil
	raw, err := i.documents.ask(i.cmd, http.MethodPost, i.path, body, onceHeader()...)
	if err != nil {
		return fmt.Errorf("lines %d to %d: %w", numbers[0], numbers[len(numbers)-1], err)
	}
	var done documents.Imported
	if err := json.Unmarshal(raw, &done); err != nil {
		return err
	}
	i.total.Imported += done.Imported
	i.total.Refused = append(i.total.Refused, done.Refused...)
	i.shown.add(done.Imported)
	for _, r := range done.Refused {
		fmt.Fprintf(i.cmd.ErrOrStderr(), "tidings: line %d: %s: %s. %s\n", numbers[r.At], r.Error.Code, r.Error.Message, r.Error.Hint)
	}
	return nil
}
