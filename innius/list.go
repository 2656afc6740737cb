package innius

import (
	"context"
	"fmt"
)

// Page is one page of a list. Next is the start_key of the page after it, empty at the end; documented as a number
// or null, and taken as text where it is text.
type Page[T any] struct {
	Items []T
	Next  string
}

// Machines reads one page of the machines of a company: that of a start key, the first where it is empty.
func (c *Client) Machines(ctx context.Context, company, startKey string) (Page[Machine], error) {
	r := request{op: OpMachines, company: company, limit: c.opts.PageSize, startKey: startKey}
	return onePage(ctx, c, r, (*response).machine, "list the machines")
}

// Sensors reads one page of the sensors of a machine, as Machines does.
func (c *Client) Sensors(ctx context.Context, company, machine, startKey string) (Page[Sensor], error) {
	r := request{op: OpSensors, company: company, machine: machine, limit: c.opts.PageSize, startKey: startKey}
	return onePage(ctx, c, r, (*response).sensor, "list the sensors of machine "+quotedID(machine))
}

func onePage[T any](
	ctx context.Context, c *Client, r request, read func(*response, object) (T, error), what string,
) (page Page[T], err error) {
	a, err := c.get(ctx, r)
	var l list
	if err == nil {
		l, err = a.list(r.op)
	}
	if err == nil {
		page.Next = l.next
		page.Items, err = readAll(a, l.objects, read)
	}
	if err != nil {
		return Page[T]{}, fmt.Errorf("%s: %w", what, err)
	}
	return page, nil
}
