import { render } from "preact";
import "./style.css";
import { App } from "./ui/app";

render(<App />, document.getElementById("app")!);
