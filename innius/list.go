package innius

import (
	"context"
	"fmt"
	"iter"
)

// maxPages bounds one list: more is a server that does not end.
const maxPages = 10_000

// Page is one page of a list. Next is the start_key of the page after it, empty at the end; documented as a number
// or null, and taken as text where it is text.
type Page[T any] struct {
	Items []T
	Next  string
}

// Machines lists the machines of a company page by page, from the page of a start key (empty: the first). It yields
// an error once and ends; whoever keeps the Next of the last good page can go on there later. The result may be
// ranged over more than once.
func (c *Client) Machines(ctx context.Context, company, startKey string) iter.Seq2[Page[Machine], error] {
	r := request{op: OpMachines, company: company, limit: c.opts.PageSize, startKey: startKey}
	return pages(ctx, c, r, (*answer).machine, "list the machines")
}

// Sensors lists the sensors of a machine, as Machines does.
func (c *Client) Sensors(ctx context.Context, company, machine, startKey string) iter.Seq2[Page[Sensor], error] {
	r := request{op: OpSensors, company: company, machine: machine, limit: c.opts.PageSize, startKey: startKey}
	return pages(ctx, c, r, (*answer).sensor, fmt.Sprintf("list the sensors of machine %q", cut(machine, maxErrorID)))
}

func pages[T any](ctx context.Context, c *Client, first request, read func(*answer, object) (T, error), what string,
) iter.Seq2[Page[T], error] {
	return func(yield func(Page[T], error) bool) {
		r := first // a fresh start for each range
		seen := map[string]bool{r.startKey: true}
		for range maxPages {
			page, err := onePage(ctx, c, r, read)
			if err == nil && seen[page.Next] && page.Next != "" {
				err = &AnswerError{Status: 200, Detail: "next_key repeats an earlier page: the list would never end"}
			}
			if err != nil {
				yield(Page[T]{}, fmt.Errorf("%s: %w", what, err))
				return
			}
			if !yield(page, nil) || page.Next == "" {
				return
			}
			r.startKey, seen[page.Next] = page.Next, true
		}
		yield(Page[T]{}, fmt.Errorf("%s: %w", what, &AnswerError{Status: 200, Detail: fmt.Sprintf("more than %d pages", maxPages)}))
	}
}

func onePage[T any](ctx context.Context, c *Client, r request, read func(*answer, object) (T, error)) (Page[T], error) {
	a, err := c.get(ctx, r)
	if err != nil {
		return Page[T]{}, err
	}
	l, err := a.list(r.op)
	if err != nil {
		return Page[T]{}, err
	}
	page := Page[T]{Items: make([]T, len(l.objects)), Next: l.next}
	for i, o := range l.objects {
		if page.Items[i], err = read(a, o); err != nil {
			return Page[T]{}, err
		}
	}
	return page, nil
}
