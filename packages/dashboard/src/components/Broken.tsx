// Catches what breaks while drawing, so that the rest of the page stays usable.
import { Component, type ReactNode } from "react";
import { Blank } from "./Notice.tsx";

/** The collector did not hand out a part of the page: it is away, or has been replaced by one with a newer dashboard. */
export class NotLoaded extends Error {
  override readonly name = "NotLoaded";
}

interface BrokenProps {
  /** A new value tries again: another view, other runs. */
  retry: string;
  children: ReactNode;
}

export class Broken extends Component<BrokenProps, { error: Error | undefined }> {
  override state = { error: undefined as Error | undefined };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override componentDidUpdate(before: BrokenProps): void {
    if (before.retry !== this.props.retry && this.state.error !== undefined) this.setState({ error: undefined });
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    if (error instanceof NotLoaded) return <Missing message={error.message} />;
    return (
      <Blank title="This view broke">
        <p>That is a fault of the dashboard, not of your data. The other views still work.</p>
        <pre>{error.stack ?? error.message}</pre>
        <button type="button" className="button" onClick={() => this.setState({ error: undefined })}>
          Try again
        </button>
      </Blank>
    );
  }
}

/** What a browser failed to load once it does not ask for again: the page has to begin anew, at the same address. */
function Missing({ message }: { message: string }) {
  return (
    <Blank title="This view is not here yet">
      <p>The collector did not hand it out. Views that were open before still work.</p>
      <pre>{message}</pre>
      <button type="button" className="button" onClick={() => location.reload()}>
        Load the page again
      </button>
    </Blank>
  );
}
